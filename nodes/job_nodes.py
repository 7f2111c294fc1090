"""Jobs: what the Cascade Sampler has drawn and begun, and a way to be rid of it."""

from __future__ import annotations

from ._api import Node, io, node_schema
from .jobs import delete_job, job_line, job_names, job_path
from .wording import checked

NOTHING = "none"


class Jobs(Node):
    """Lists jobs, and deletes one."""

    @classmethod
    def define_schema(cls):
        """Inputs and outputs."""
        return node_schema(
            node_id="C2GMJobs",
            display_name="Jobs",
            category="C2GM/sampling",
            description=(
                "The maps that the Cascade Sampler keeps under output/c2gm/jobs, so that the same "
                "settings need no work: listed here, and one deleted if you choose it."
            ),
            search_aliases=["prune", "clean up", "cache", "delete"],
            is_output_node=True,
            not_idempotent=True,
            inputs=[
                io.Combo.Input(
                    "job",
                    options=[NOTHING, *job_names()],
                    default=NOTHING,
                    tooltip="This one is deleted for good when you queue; none: only listed.",
                )
            ],
            outputs=[],
        )

    @classmethod
    def validate_inputs(cls, job):
        """Whether there is such a job."""
        return checked(lambda: job in (None, NOTHING) or job_path(job))

    @classmethod
    def fingerprint_inputs(cls, **_):
        """Always runs: jobs come and go."""
        return float("nan")

    @classmethod
    def execute(cls, job):
        """Delete the chosen one and list the others."""
        if job != NOTHING:
            delete_job(job)
        lines = [job_line(name) for name in job_names()]
        told = [] if job == NOTHING else [f"{job} is deleted."]
        return io.NodeOutput(ui={"text": [*told, *lines] or ["No jobs."]})
