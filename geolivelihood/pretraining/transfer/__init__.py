"""Transfer: what an encoder knows of places, put to finding things and to mapping classes.

A :class:`Detector` finds boxes, a :class:`Segmenter` maps classes of pixels. Both take any backbone of the
ResNet family (one pretrained here, torchvision's, or a random one to compare with), learn from a table of
images and a table of labels, are scored on pictures that were held out, and scan whole rasters. What comes
back lies on the ground: polygons in the raster's CRS, and a COG of classes.
"""

from geolivelihood.pretraining.transfer.crops import Crops, cropped_boxes, random_crops
from geolivelihood.pretraining.transfer.detection import PAPER_DETECTION, Detector
from geolivelihood.pretraining.transfer.saving import load, save
from geolivelihood.pretraining.transfer.scenes import Scene, open_scene, open_scenes
from geolivelihood.pretraining.transfer.scores import (
    Boxes,
    average_precision,
    box_iou,
    class_iou,
    confusion,
    mean_iou,
)
from geolivelihood.pretraining.transfer.segmentation import Segmenter, segmentation_loss

__all__ = [
    "PAPER_DETECTION",
    "Boxes",
    "Crops",
    "Detector",
    "Scene",
    "Segmenter",
    "average_precision",
    "box_iou",
    "class_iou",
    "confusion",
    "cropped_boxes",
    "load",
    "mean_iou",
    "open_scene",
    "open_scenes",
    "random_crops",
    "save",
    "segmentation_loss",
]
