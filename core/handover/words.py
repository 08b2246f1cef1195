"""What was found and what follows, in sentences."""

from __future__ import annotations

from core.catalogue.spec import OptimizerSpec
from core.handover.measure import Found, GroupRate
from core.handover.plateau import Plateau
from core.handover.rules import Rule
from core.text import Text


def group_label(group: GroupRate) -> str:
    """The groups of a rate, "" where there is one without a name."""
    return ", ".join(name for name in group.names if name)


def plateau_words(group: GroupRate) -> Text:
    """Whether d came to rest, where, and how sure that is; in full sentences."""
    plateau = group.plateau
    if plateau is None:
        return Text(f"The job gives {group.given:g}.", f"ジョブの指定値は {group.given:g} です。")
    value = plateau.value or 0.0
    rise = _percent(abs(plateau.rise))
    first, last = plateau.window
    match plateau.state:
        case "settled":
            return _settled(group, plateau)
        case "rising":
            return Text(
                f"No plateau yet: d is {value:.3g} and still rises {rise} per 100 steps (steps {first} to {last}). "
                f"At that pace it reaches {plateau.high or value:.3g}.",
                f"まだ安定していません。d は {value:.3g} で、100 ステップあたり {rise} 上昇中です (ステップ {first}〜{last})。"
                f"このままなら {plateau.high or value:.3g} に達します。",
            )
        case "falling":
            return Text(
                f"No plateau yet: d is {value:.3g} and falls {rise} per 100 steps (steps {first} to {last}).",
                f"まだ安定していません。d は {value:.3g} で、100 ステップあたり {rise} 低下中です (ステップ {first}〜{last})。",
            )
        case "uneven":
            return Text(
                f"No plateau: d moves between {plateau.low or value:.3g} and {plateau.high or value:.3g} (steps {first} to {last}).",
                f"安定していません。d が {plateau.low or value:.3g}〜{plateau.high or value:.3g} の間で変動しています (ステップ {first}〜{last})。",
            )
        case "stuck":
            return Text(
                f"d has hardly left d0 ({value:.3g}). Either d0 is already large enough, or the estimate never got going: "
                "nothing can be taken over.",
                f"d が d0 からほとんど動いていません ({value:.3g})。d0 がすでに十分大きいか、推定が始まっていないため、引き継げません。",
            )
        case "short":
            return Text(f"Too few steps to tell (d is {value:.3g}).", f"判断するにはステップ数が足りません (d は {value:.3g})。")
        case "none":
            return Text("The run tells no d.", "この実行には d の記録がありません。")


def _settled(group: GroupRate, plateau: Plateau) -> Text:
    rise = plateau.rise
    times = "" if group.given == 1 else f" × {group.given:g}"
    spread = _percent(plateau.spread)
    still, still_ja = "", ""
    if rise >= 0.005:
        still, still_ja = f", still rising {_percent(rise)} per 100 steps", f"、100 ステップあたり {_percent(rise)} 上昇中"
    elif rise <= -0.005:
        still, still_ja = f", falling {_percent(-rise)} per 100 steps", f"、100 ステップあたり {_percent(-rise)} 低下中"
    return Text(
        f"d{times} = {group.rate or 0.0:.3g}: within 10 % of it since step {plateau.begin}{still}; uncertain by {spread} "
        f"({group.low or 0.0:.3g} to {group.high or 0.0:.3g}).",
        f"d{times} = {group.rate or 0.0:.3g}。ステップ {plateau.begin} 以降はこの値の ±10 % に収まっています{still_ja}。"
        f"不確かさは {spread} です ({group.low or 0.0:.3g}〜{group.high or 0.0:.3g})。",
    )


def is_ready(found: Found) -> bool:
    """Whether every rate of the run is at rest, so that it can be taken over as it is."""
    trained = [group for group in found.groups if group.given > 0]
    return bool(trained) and all(group.plateau is None or group.plateau.state == "settled" for group in trained)


def may_take_over(found: Found) -> bool:
    """Whether there is a rate at all; it may be one that has yet to settle, which has to be said then."""
    return any(group.usable for group in found.groups)


def caution_words(found: Found) -> Text | None:
    """What has to be known before a rate that is not at rest is taken over; None where it is."""
    if is_ready(found) or not may_take_over(found):
        return None
    if found.over:
        return Text(
            "d was not at rest when the run ended: take the rate for a lower bound, or let the run go on longer.",
            "実行の終了時に d が安定していませんでした。学習率は下限と考えるか、もっと長く実行してください。",
        )
    return Text(
        "d is not at rest yet: wait, or take the rate for a lower bound.",
        "d がまだ安定していません。もう少し待つか、学習率を下限と考えてください。",
    )


def rule_words(rule: Rule, old: OptimizerSpec, new: OptimizerSpec) -> Text:
    """The factor, with its range."""
    factor = f"{rule.factor:.3g}"
    spread_en = spread_ja = ""
    if rule.most > rule.least * 1.001:
        spread_en = f" (the sources leave {rule.least:.3g} to {rule.most:.3g})"
        spread_ja = f" (資料では {rule.least:.3g}〜{rule.most:.3g})"
    if abs(rule.factor - 1) < 1e-6 and not spread_en:
        return Text(
            f"{new.name} takes the rate of {old.name} as it is.", f"{new.name} には {old.name} の学習率をそのまま使えます。"
        )
    return Text(
        f"Rate of {new.name} = {factor} × rate of {old.name}{spread_en}.",
        f"{new.name} の学習率 = {factor} × {old.name} の学習率{spread_ja}。",
    )


def _percent(share: float) -> str:
    percent = share * 100
    return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.1f} %"
