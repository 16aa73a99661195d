"""seatkeeper: an open license-management suite on FlexNet-format license files."""

__version__ = "0.1.0"
