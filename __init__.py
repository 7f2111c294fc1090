"""C2GM as a ComfyUI node pack; the library itself is the package `c2gm` beside this file.

Nothing is imported before ComfyUI asks for the nodes, and then no torch and no model code: nodes
import what they need when they run.
"""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():
    """The extension, as ComfyUI looks it up by this name."""
    from .nodes import C2GMExtension

    return C2GMExtension()
