"""Every error a user can meet: one base class, one sentence each (what, where, what to do).

The command line turns any `C2GMError` into one line on standard error and exit status 1;
ComfyUI shows the same sentence on the node.
"""


class C2GMError(Exception):
    """Base of all errors that are meant for the user."""


class ImageryError(C2GMError):
    """The imagery cannot be read: missing, truncated, not a raster, no position."""


class MissingCRS(ImageryError):
    """The imagery does not say which coordinate system it is in."""


class AreaError(C2GMError):
    """The area is impossible, empty, outside the imagery, or too large to start unasked."""


class VectorError(C2GMError):
    """Vectors cannot be read: missing, unreadable, no coordinate system, nothing that is drawn."""


class TilesetError(C2GMError):
    """A tile set cannot be read or written."""


class CheckpointError(C2GMError):
    """A model file is wrong, truncated, mismatched or carries code; names file, key and shape."""


class ConfigError(C2GMError):
    """A configuration has an unknown key or an impossible value."""


class JobError(C2GMError):
    """A job cannot be started or continued."""


class JobKeyChanged(JobError):
    """A job was begun, or a map made, with other settings; names what changed."""


class JobLocked(JobError):
    """Another process works on the same job."""


class Stopped(C2GMError):
    """The user stopped a job; it can be resumed. The command line exits with status 130."""


class DiskFull(C2GMError):
    """The disk is full; says how much is missing and that the job can be resumed."""


class MissingExtra(C2GMError):
    """A command needs packages of an extra that is not installed."""


class TrainingError(C2GMError):
    """Training cannot start or continue."""


class NoRecords(TrainingError):
    """A folder holds no training records."""
