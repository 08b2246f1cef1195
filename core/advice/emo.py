"""Rules on the emo series, which steers itself by the loss and wants to be left alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from core.advice.model import Fix, Subject, Trouble, set_options
from core.text import Text

_MODIFIERS = (
    "min_snr_gamma",
    "debiased_estimation_loss",
    "scale_v_pred_loss_like_noise_pred",
    "v_pred_like_loss",
    "scale_weight_norms",
)
_DEFAULT_DIM, _DEFAULT_ALPHA = 4, 1.0  # networks.lora's own


def _is_emo(subject: Subject) -> bool:
    return subject.spec is not None and subject.spec.category.id == "emo"


def no_loss(subject: Subject) -> Iterator[Trouble]:
    """No loss reaches it: sd-scripts steps every optimizer without a closure. The built-in trainer hands it over."""
    if _is_emo(subject) and not subject.job.hand_loss and subject.job.engine == "sd-scripts":
        yield Trouble(
            Text(
                "sd-scripts never tells it the loss, by which it would steer itself: it trains as if the loss were 0. Caddie's "
                "companion can hand it over.",
                "このオプティマイザーは loss を見て自動調整しますが、sd-scripts は loss を渡さないため、loss が 0 であるかのように学習します。"
                "Caddie のコンパニオンで渡せます。",
            ),
            ("option:optimizer_type",),
            Fix(Text("Hand it the loss", "loss を渡す"), lambda job: replace(job, hand_loss=True, companion=True)),
        )


def rank_and_alpha(subject: Subject) -> Iterator[Trouble]:
    """Alpha other than rank."""
    if not _is_emo(subject):
        return
    dim = subject.number("network_dim") or _DEFAULT_DIM
    alpha = subject.number("network_alpha")
    alpha = _DEFAULT_ALPHA if alpha is None else alpha
    if alpha != dim:
        yield Trouble(
            Text(
                f"The emo series takes what is given as its upper limit, and wants rank and alpha to be equal: {dim:g} and {alpha:g} here.",
                f"emo 系は指定値を最大値として使うため、Rank と Alpha を同じ値にすることが勧められています (現在は {dim:g} と {alpha:g})。",
            ),
            ("option:network_alpha", "option:network_dim"),
            set_options(Text(f"Set network_alpha to {dim:g}", f"network_alpha を {dim:g} にする"), network_alpha=float(dim)),
        )


def modifiers(subject: Subject) -> Iterator[Trouble]:
    """Options that change the loss or the weights from outside."""
    given = subject.switched(*_MODIFIERS) if _is_emo(subject) else []
    if given:
        listed = ", ".join(given)
        yield Trouble(
            Text(
                f"Where an optimizer of the emo series steers by the loss, {listed} gets in its way.",
                f"emo 系に調整を任せる場合、{listed} のような外部の学習改善系オプションは無効にすることが勧められています。",
            ),
            tuple(f"option:{name}" for name in given),
            set_options(Text(f"Remove {listed}", f"{listed} を削除する"), **dict.fromkeys(given)),
        )
