"""The nodes of C2GM: thin skins over the library, one module a family."""

from ._api import ComfyExtension


class C2GMExtension(ComfyExtension):
    """All nodes, in the order in which a graph is wired."""

    async def on_load(self):
        """Add the routes that the page's widgets ask."""
        from .routes import register

        register()

    async def get_node_list(self):
        """The node classes."""
        from .cascade_nodes import CascadeSampler
        from .feature_nodes import ApplyFeatures, CascadeReferenceEncode
        from .imagery_nodes import LoadImagery, PickArea, Windows
        from .look_nodes import PreviewMap
        from .map_nodes import LoadTileset, SaveTileset, TileStitch
        from .model_nodes import LoadSGDM, ScaleTextEncode

        return [
            LoadSGDM,
            ScaleTextEncode,
            LoadImagery,
            PickArea,
            Windows,
            CascadeReferenceEncode,
            ApplyFeatures,
            CascadeSampler,
            TileStitch,
            LoadTileset,
            SaveTileset,
            PreviewMap,
        ]
