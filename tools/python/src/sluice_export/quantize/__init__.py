"""A package to a smaller and faster one: INT8 by calibration, INT8 weights only, or half precision; with proof."""
