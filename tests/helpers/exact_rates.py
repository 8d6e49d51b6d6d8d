"""Rates of the built-in gates to 40 digits."""

from decimal import Decimal, localcontext


def exact_rates(V):
    """The formulas of the paper in 50 digits."""
    with localcontext() as context:
        context.prec = 50
        V = Decimal(float(V))

        def exprelr(x):
            return x / (1 - (-x).exp()) if x else Decimal(1)

        return [
            exprelr((V - 25) / 10),
            4 * (-V / 18).exp(),
            Decimal("0.07") * (-V / 20).exp(),
            1 / (((30 - V) / 10).exp() + 1),
            Decimal("0.1") * exprelr((V - 10) / 10),
            Decimal("0.125") * (-V / 80).exp(),
        ]
