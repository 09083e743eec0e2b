"""Direct survey estimates of areas, each shrunk towards the map as far as its own error asks for."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from geolivelihood.errors import InputError
from geolivelihood.models.rows import Floats, check_features

__all__ = ["FayHerriot"]

METHODS = ("reml", "prasad_rao")
_FEWEST = 10
_MOST_STEPS = 200


class _Gls(NamedTuple):
    """Generalised least squares at one variance A: w = 1/(A+ψ), β̂, (X'WX)⁻¹, leverages x'(X'WX)⁻¹x."""

    weight: Floats
    coef: Floats
    inverse: Floats
    leverage: Floats
    residual: Floats


class FayHerriot(BaseEstimator):
    """Small-area estimates: D = Xβ + v + e, v ~ (0, A) between areas, e ~ (0, ψ) from sampling.

    The EBLUP γD + (1−γ)xβ̂ with γ = A/(A+ψ) trusts the survey where it is precise and the covariates, among
    them the map's *cross-fitted* mean of the area, where it is not [1]_.

    Parameters
    ----------
    method
        ``"reml"`` (scoring), or ``"prasad_rao"`` (moments [2]_). Where either gives A = 0, all areas would be
        synthetic without error between them; A then maximises A times the restricted likelihood [3]_ and
        ``adjusted_`` says so.
    force
        Whether to go on with fewer than 10 areas, or hardly more areas than coefficients.

    Attributes
    ----------
    variance_
        A, variance between areas beyond the covariates.
    adjusted_
        Whether A would have been 0.
    intercept_, coef_
        β̂, the intercept apart.
    sampled_
        Areas that took part: with a direct estimate and a variance above 0. A variance of 0 (or NaN, as from
        a single sampling unit) is no certainty but an unknown error: such areas get the synthetic estimate.
    gamma_
        Weight of the direct estimate, shape (areas,); 0 where not sampled.
    synthetic_, eblup_, mse_
        xβ̂, the estimate, and its mean squared error g₁ + g₂ + 2g₃ (A + x'(X'V⁻¹X)⁻¹x where not sampled); NaN
        for areas that lack a covariate.

    References
    ----------
    .. [1] Fay & Herriot (1979), JASA 74(366).
    .. [2] Prasad & Rao (1990), JASA 85(409).
    .. [3] Li & Lahiri (2010), Journal of Multivariate Analysis 101(4).
    """

    def __init__(self, *, method: str = "reml", force: bool = False) -> None:
        self.method = method
        self.force = force

    def fit(self, X: Any, direct: npt.ArrayLike, *, variance: npt.ArrayLike) -> Self:
        """Estimate all areas, sampled or not.

        Parameters
        ----------
        X
            Covariates, shape (areas, d), without a constant; NaN where an area has none (no cells).
        direct
            Direct estimates D, shape (areas,); NaN where the survey has nobody.
        variance
            Their sampling variances ψ, the squares of the design-based standard errors.

        Raises
        ------
        InputError
            If lengths differ, a variance is negative, the covariates are linearly dependent, or the areas are
            too few.
        """
        if self.method not in METHODS:
            msg = f"method={self.method!r}: give one of {', '.join(METHODS)}."
            raise InputError(msg)
        table = check_features(X)
        survey, psi = (
            _per_area(v, len(table), name) for v, name in ((direct, "direct"), (variance, "variance"))
        )
        if (psi < 0).any():
            msg = f"{int((psi < 0).sum())} sampling variances are negative. Give the squares of the se."
            raise InputError(msg)
        complete = ~np.isnan(table).any(axis=1)
        self.sampled_ = complete & np.isfinite(survey) & np.isfinite(psi) & (psi > 0)
        design = _design(table)
        x, d, noise = design[self.sampled_], survey[self.sampled_], psi[self.sampled_]
        self._check_size(*x.shape)
        _check_rank(x)
        self.variance_ = _reml(x, d, noise) if self.method == "reml" else _moments(x, d, noise)
        self.adjusted_ = self.variance_ == 0
        if self.adjusted_:
            self.variance_ = _adjusted(x, d, noise)
        found = _gls(x, d, noise, self.variance_)
        self.intercept_, self.coef_ = float(found.coef[0]), found.coef[1:]
        self._inverse = found.inverse
        self._shrink(table, survey, psi, found)
        return self

    def predict(self, X: Any, *, return_mse: bool = False) -> Any:
        """Synthetic estimate xβ̂ of areas without a survey.

        Parameters
        ----------
        X
            Covariates, shape (areas, d).
        return_mse
            Whether to return its mean squared error A + x'(X'V⁻¹X)⁻¹x as well.

        Returns
        -------
        numpy.ndarray, or two of them
            Shape (areas,); NaN where a covariate is missing.
        """
        check_is_fitted(self)
        design = _design(check_features(X, expected=len(self.coef_)))
        synthetic = design @ np.concatenate([[self.intercept_], self.coef_])
        if not return_mse:
            return synthetic
        return synthetic, self.variance_ + _quadratic(design, self._inverse)

    @staticmethod
    def benchmark(estimate: npt.ArrayLike, direct: npt.ArrayLike, weight: npt.ArrayLike) -> Floats:
        """Estimates scaled by ΣWD/ΣWθ̂, so that together they say what the survey says of the whole.

        Parameters
        ----------
        estimate, direct, weight
            θ̂, D and the areas' populations W, shape (areas,). The ratio is of the areas that have all three;
            all areas are scaled by it.

        Raises
        ------
        InputError
            If lengths differ, no area has all three, or the estimates add up to 0.
        """
        theta = np.asarray(estimate, dtype=float)
        survey, people = (
            _per_area(v, len(theta), name) for v, name in ((direct, "direct"), (weight, "weight"))
        )
        known = np.isfinite(theta) & np.isfinite(survey) & np.isfinite(people)
        total = float(people[known] @ theta[known])
        if total == 0:
            msg = "The weighted estimates add up to 0 (or no area has all of them): there is no ratio."
            raise InputError(msg)
        return theta * (float(people[known] @ survey[known]) / total)

    def _shrink(self, table: Floats, survey: Floats, psi: Floats, found: _Gls) -> None:
        """EBLUP and its error of the sampled areas, over the synthetic ones of all."""
        self.synthetic_, self.mse_ = self.predict(table, return_mse=True)
        self.eblup_, self.gamma_ = self.synthetic_.copy(), np.zeros(len(table))
        at, a, noise = self.sampled_, self.variance_, psi[self.sampled_]
        gamma = a * found.weight
        self.gamma_[at] = gamma
        self.eblup_[at] += gamma * found.residual
        if self.method == "reml":
            spread = 2 / (found.weight**2).sum()
        else:
            spread = 2 * (found.weight**-2.0).sum() / len(noise) ** 2
        g2, g3 = (1 - gamma) ** 2 * found.leverage, noise**2 * found.weight**3 * spread
        self.mse_[at] = gamma * noise + g2 + 2 * g3

    def _check_size(self, areas: int, coefficients: int) -> None:
        few = areas < _FEWEST or areas <= coefficients + 2
        if areas <= coefficients or (few and not self.force):
            msg = (
                f"{areas} areas with a direct estimate and its variance are too few for {coefficients} "
                f"coefficients: at least {max(_FEWEST, coefficients + 3)} are needed to tell A from 0. Use "
                "smaller areas or fewer covariates"
            )
            raise InputError(msg + ("." if areas <= coefficients else ", or force=True."))


def _per_area(values: npt.ArrayLike, areas: int, name: str) -> Floats:
    array = np.asarray(values, dtype=float)
    if array.shape != (areas,):
        msg = f"{name} has shape {array.shape}, but there are {areas} areas: give one value per area."
        raise InputError(msg)
    return array


def _design(table: Floats) -> Floats:
    return np.column_stack([np.ones(len(table)), table])


def _check_rank(design: Floats) -> None:
    size = np.abs(design).max(axis=0)
    if np.linalg.matrix_rank(design / np.where(size > 0, size, 1.0)) < design.shape[1]:
        msg = "The covariates are constant or linearly dependent over the sampled areas. Leave some out."
        raise InputError(msg)


def _quadratic(design: Floats, inverse: Floats) -> Floats:
    """Quadratic form x'Mx of each row."""
    return ((design @ inverse) * design).sum(axis=1)


def _gls(design: Floats, direct: Floats, psi: Floats, variance: float) -> _Gls:
    weight = 1 / (variance + psi)
    inverse: Floats = np.linalg.inv(design.T @ (weight[:, None] * design)).astype(float)
    coef = inverse @ (design.T @ (weight * direct))
    return _Gls(weight, coef, inverse, _quadratic(design, inverse), direct - design @ coef)


def _reml(design: Floats, direct: Floats, psi: Floats) -> float:
    """Scoring A += [y'PPy − tr P]/tr(PP), floored at 0; P is never formed, V being diagonal."""
    variance = float(np.mean(psi))
    for _ in range(_MOST_STEPS):
        w, _, inverse, h, residual = _gls(design, direct, psi, variance)
        cross = inverse @ (design.T @ ((w**2)[:, None] * design))
        trace = (w - w**2 * h).sum()
        trace_square = (w**2 - 2 * w**3 * h).sum() + (cross * cross.T).sum()
        stepped = max(0.0, variance + float((((w * residual) ** 2).sum() - trace) / trace_square))
        if abs(stepped - variance) <= 1e-10 * (variance + float(psi.mean())):
            return stepped
        variance = stepped
    msg = f"REML did not settle in {_MOST_STEPS} steps (A = {variance:.6g}). Look at method='prasad_rao'."
    warnings.warn(msg, ConvergenceWarning, stacklevel=3)
    return variance


def _moments(design: Floats, direct: Floats, psi: Floats) -> float:
    """A = [Σr² − Σψ(1−h)]/(m−p) of ordinary least squares, not below 0."""
    plain = _gls(design, direct, np.ones_like(psi), 0.0)
    excess = (plain.residual**2).sum() - (psi * (1 - plain.leverage)).sum()
    return max(0.0, float(excess / (len(direct) - design.shape[1])))


def _adjusted(design: Floats, direct: Floats, psi: Floats) -> float:
    """The A that maximises A·L_REML(A), which is never 0."""
    if len(direct) <= design.shape[1] + 2:
        msg = (
            f"A is 0, and with {len(direct)} areas and {design.shape[1]} coefficients the adjusted "
            "likelihood has no maximum. Use fewer covariates."
        )
        raise InputError(msg)

    def loss(log_variance: float) -> float:
        w, _, inverse, _, residual = _gls(design, direct, psi, np.exp(log_variance))
        likelihood = np.log(w).sum() + np.linalg.slogdet(inverse)[1] - (w * residual**2).sum()
        return -(log_variance + likelihood / 2)

    # a grid first: the product may have more than one peak
    grid = np.log(psi.mean()) + np.linspace(-14, 10, 97)
    best = grid[np.argmin([loss(value) for value in grid])]
    near = (best - 0.25, best + 0.25)
    return float(np.exp(minimize_scalar(loss, bounds=near, method="bounded", options={"xatol": 1e-10}).x))
