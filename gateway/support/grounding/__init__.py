"""Whether a text that a model wrote is said by its source."""

from gateway.support.grounding.literal import grounded, stems

__all__ = ["grounded", "stems"]
