"""The nodes of C2GM: thin skins over the library, one module a family."""

from ._api import ComfyExtension


class C2GMExtension(ComfyExtension):
    """All nodes, in the order in which a graph is wired."""

    async def get_node_list(self):
        """The node classes; the routes that the page's widgets ask are added too."""
        from .cascade_nodes import CascadeSampler
        from .feature_nodes import ApplyFeatures, CascadeReferenceEncode
        from .imagery_nodes import LoadImagery, PickArea, Windows
        from .job_nodes import Jobs
        from .look_nodes import CompareZooms, PreviewMap, RecolourMap
        from .map_nodes import LoadTileset, SaveTileset, TileStitch
        from .model_nodes import LoadSGDM, ScaleTextEncode
        from .repaint_nodes import Repaint
        from .routes import register
        from .vector_nodes import Vectorize

        register()  # here: ComfyUI 0.3.75 does not call on_load
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
            CompareZooms,
            RecolourMap,
            Jobs,
            Repaint,
            Vectorize,
        ]
