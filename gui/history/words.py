"""What runs are compared by, in words."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from core.metrics.run_metrics import Quantity


def quantity_word(quantity: Quantity) -> str:
    """A quantity, as plots and choices name it."""
    translate = QCoreApplication.translate
    return {
        Quantity.LOSS: translate("CompareWords", "Loss"),
        Quantity.VALIDATION_LOSS: translate("CompareWords", "Validation loss"),
        Quantity.D_LR: translate("CompareWords", "d*lr"),
        Quantity.EFFECTIVE_STEP: translate("CompareWords", "Effective step"),
        Quantity.EFFECTIVE_LR: translate("CompareWords", "Effective learning rate"),
        Quantity.LR: translate("CompareWords", "Learning rate"),
        Quantity.GRAD_NORM: translate("CompareWords", "Gradient norm"),
        Quantity.SECONDS: translate("CompareWords", "Seconds per step"),
        Quantity.MEMORY: translate("CompareWords", "Memory (bytes)"),
    }[quantity]
