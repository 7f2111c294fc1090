"""The measures by name: what each says, so that tables, bars and help use the same words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes:
        name: In JSON and bars.
        title: In tables.
        meaning: One sentence.
    """

    name: str
    title: str
    meaning: str


MEASURES = (
    Measure("miou", "mIoU", "Mean IoU of the six groups, or of the five classes of masks."),
    Measure("class_miou", "mIoU 13", "Mean IoU of the legend's thirteen classes."),
    Measure("edge_f1", "edge F1", "Borders of classes within 2 px."),
    Measure("edge_f1_4px", "edge F1 4 px", "Borders of classes within 4 px."),
    Measure("edge_f1_near_tile_borders", "edge F1 near", "Within 8 px of tile borders."),
    Measure("edge_f1_elsewhere", "edge F1 else", "Everywhere else."),
    Measure("tile_border_edge_ratio", "near/else", "The two divided: 1 where tiles do not show."),
    Measure("road_correctness", "road corr.", "Share of drawn roads within 3 px of a true one."),
    Measure("road_completeness", "road compl.", "Share of true roads within 3 px of a drawn one."),
    Measure("road_f1", "road F1", "Both in one number."),
    Measure("main_road_correctness", "main corr.", "The same of motorways and main roads."),
    Measure("main_road_completeness", "main compl.", "The same of motorways and main roads."),
    Measure("apls", "APLS-px", "Whether ways through the roads are as long as they should be."),
    Measure("building_share_ratio", "building share", "Buildings and built-up area over truth's."),
    Measure("minor_road_share_ratio", "minor share", "Pixels of minor roads over the truth's."),
    Measure("detail_ratio", "detail", "Bytes of the labels as PNG over the truth's."),
    Measure("invented_share", "invented", "Share of pixels in classes that the truth has not."),
    Measure("off_palette", "off palette", "Share of flat pixels 5 dE off every legend colour."),
    Measure("seam_ratio", "seam", "Steps across tile borders over steps elsewhere, over truth's."),
    Measure("seam_spread", "seam +-", "Deviation of that ratio along lines that are no borders."),
    Measure("seam_beside", "seam beside", "The ratio to lines 8 to 24 px beside, over truth's."),
    Measure("band_ratio", "band", "Sharpness beside tile borders over the middle's, over truth's."),
    Measure("cross_scale_ratio", "cross-scale", "Change from the zoom below over the truth's."),
    Measure("psnr_y", "PSNR-Y", "Mean of tiles, dB, at most 60."),
    Measure("psnr_y_not_flat", "PSNR-Y not flat", "Of tiles that hold more than one class."),
    Measure("psnr_y_pooled", "PSNR-Y pooled", "Of the mean squared error of all tiles."),
    Measure("psnr_rgb", "PSNR-RGB", "Mean of tiles over all channels, dB."),
    Measure("ssim_y", "SSIM-Y", "Mean of tiles; high even for an empty map."),
    Measure("ssim_rgb", "SSIM-RGB", "Mean of tiles and channels."),
    Measure("capped_tiles", "capped", "Share of tiles with PSNR-Y 60."),
)
BY_NAME = {measure.name: measure for measure in MEASURES}
