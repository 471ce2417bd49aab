"""How good a model is: AUROC by ranks, its bootstrap interval, calibration error, Platt's scaling, operating points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.stats import rankdata

Array = npt.NDArray[np.floating]


def auroc(truth: Array, score: Array) -> float:
    """The share of pairs put in order, ties half (Hanley and McNeil, 1982); NaN when a class is absent."""
    positive = int(truth.sum())
    negative = len(truth) - positive
    if not positive or not negative:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[truth > 0.5].sum() - positive * (positive + 1) / 2) / (positive * negative))


def macro(truth: Array, score: Array) -> float:
    """The mean AUROC of the columns."""
    return float(np.nanmean([auroc(truth[:, column], score[:, column]) for column in range(truth.shape[1])]))


def interval(truth: Array, score: Array, times: int = 500, seed: int = 7) -> tuple[float, float]:
    """The 95 % bootstrap interval over records of the macro AUROC of [n, classes]."""
    dice = np.random.default_rng(seed)
    draws = (dice.integers(0, len(truth), len(truth)) for _ in range(times))
    values = [macro(truth[pick], score[pick]) for pick in draws]
    low, high = np.nanpercentile(values, (2.5, 97.5))
    return float(low), float(high)


def calibration_error(truth: Array, probability: Array, bins: int = 15) -> float:
    """The expected calibration error of one label, bins of equal width (Guo et al., 2017)."""
    which = np.minimum((probability * bins).astype(int), bins - 1)
    total = 0.0
    for one in range(bins):
        inside = which == one
        if inside.any():
            total += float(inside.sum()) * abs(float(truth[inside].mean()) - float(probability[inside].mean()))
    return total / len(truth)


def platt(truth: Array, logit: Array) -> tuple[float, float]:
    """Slope and offset of Platt's scaling with his smoothed targets (Platt, 1999)."""
    positive = float(truth.sum())
    negative = len(truth) - positive
    target = np.where(truth > 0.5, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def cost(x: Array) -> tuple[float, Array]:
        z = x[0] * logit + x[1]
        p = 1 / (1 + np.exp(-np.clip(z, -60, 60)))
        loss = np.logaddexp(0, z) - target * z
        return float(loss.mean()), np.array([((p - target) * logit).mean(), (p - target).mean()])

    found = minimize(cost, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=((0.05, 10), (-20, 20)))
    return float(found.x[0]), float(found.x[1])


def vector_scaling(truth: Array, logits: Array) -> tuple[list[float], list[float]]:
    """One slope for all and an offset a class for a softmax (Guo et al., 2017); truth [n, classes] one-hot."""
    classes = logits.shape[1]

    def cost(x: Array) -> float:
        z = logits * x[0] + x[1:]
        z = z - z.max(1, keepdims=True)
        return float(-((z - np.log(np.exp(z).sum(1, keepdims=True))) * truth).sum(1).mean())

    found = minimize(cost, np.r_[1.0, np.zeros(classes)], method="L-BFGS-B", bounds=((0.05, 10), *((-20, 20),) * classes))
    return [float(found.x[0])] * classes, [float(value) for value in found.x[1:]]


def point(truth: Array, probability: Array, threshold: float) -> dict[str, float]:
    """Sensitivity, specificity and precision at a threshold."""
    called = probability >= threshold
    true = truth > 0.5
    hit = float((called & true).sum())
    return {
        "threshold": threshold,
        "sensitivity": hit / max(float(true.sum()), 1.0),
        "specificity": float((~called & ~true).sum()) / max(float((~true).sum()), 1.0),
        "precision": hit / max(float(called.sum()), 1.0),
    }


def best_threshold(truth: Array, probability: Array) -> float:
    """The threshold with the highest F1, rounded to four digits."""
    order = np.argsort(-probability)
    hits = np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(truth) + 1) + truth.sum())
    return float(np.round(probability[order][int(np.argmax(f1))], 4))
