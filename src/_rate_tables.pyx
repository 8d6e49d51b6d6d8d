"""Making rate tables (rate_table.h), and reading them outside the time loop."""

from hodgkin_huxley cimport (
    PYHH_FAST_SOURCES, RATE_SOURCE_LINE, RATE_TABLE_LANES, RATE_TABLE_POWERS,
    exponential_rates, hh_rates, hh_rates_at, rate_table_find, rate_table_fit_row,
    rate_table_nodes, rate_table_position, rate_table_plain,
)
from pyhh_fast._cpu import rounded_to_nearest
from stimulus_math cimport noise_log

SOURCES = PYHH_FAST_SOURCES.decode("ascii")
POWERS = RATE_TABLE_POWERS
LANES = RATE_TABLE_LANES
LINE = RATE_SOURCE_LINE
NODES = [rate_table_nodes[j] for j in range(RATE_TABLE_POWERS)]


@rounded_to_nearest
def rates_at(const double[::1] V, hh_rates[::1] rates):
    """Fill `rates` with alpha_m, beta_m, alpha_h, beta_h, alpha_n, beta_n (1/ms) at each V (mV).

    These are the formulas of Hodgkin & Huxley (1952) as hodgkin_huxley.h has them.

    Parameters
    ----------
    V : array of float64, shape (n,), mV
    rates : structured array, shape (n,)
        Output; six float64 fields of those names, in that order.
    """
    cdef Py_ssize_t i
    if rates.shape[0] != V.shape[0]:
        raise ValueError("rates and V must have one length")
    with nogil:
        for i in range(V.shape[0]):
            rates[i] = hh_rates_at(V[i])


@rounded_to_nearest
def fit(const double[:, :, ::1] values, double[:, :, ::1] rows):
    """Fill `rows` with the polynomials through the values at the nodes.

    Parameters
    ----------
    values : array of float64, shape (n, 6, 6)
        For each row and node alpha m, h, n and beta m, h, n.
    rows : array of float64, shape (n, 6, 8)
        Output: for each row and power the same, with a fourth lane of 0 behind each three.
    """
    cdef Py_ssize_t k
    cdef int j, rate, lane
    cdef double[6] at_nodes
    cdef double[6] coefficients
    if rows.shape[0] != values.shape[0]:
        raise ValueError("rows and values must have one length")
    with nogil:
        for k in range(values.shape[0]):
            for rate in range(6):
                lane = rate if rate < 3 else rate + 1
                for j in range(6):
                    at_nodes[j] = values[k, j, rate]
                rate_table_fit_row(at_nodes, coefficients)
                for j in range(6):
                    rows[k, j, lane] = coefficients[j]
            for j in range(6):
                rows[k, j, 3] = rows[k, j, 7] = 0.0


@rounded_to_nearest
def evaluate(const double[:, :, ::1] rows, Py_ssize_t first, double inverse_width,
             const double[::1] V, double[:, ::1] rates):
    """Fill `rates`, shape (n, 6), with alpha m, h, n and beta m, h, n as the table has them."""
    cdef Py_ssize_t i
    cdef int rate
    cdef rate_table_position place
    with nogil:
        for i in range(V.shape[0]):
            place = rate_table_find(V[i], inverse_width, first)
            place.row = min(place.row, rows.shape[0] - 1)
            for rate in range(6):
                rates[i, rate] = rate_table_plain(
                    &rows[place.row, 0, 0], rate if rate < 3 else rate + 1, place.r
                )


@rounded_to_nearest
def relax(double[:, ::1] rates_dt):
    """Turn rates times dt into those of exponential Euler (exponential_euler.h), in place.

    Parameters
    ----------
    rates_dt : array of float64, shape (n, 6)
        alpha m, h, n and alpha + beta m, h, n.
    """
    cdef Py_ssize_t i
    cdef int gate
    if rates_dt.shape[1] != 6:
        raise ValueError("rates_dt must have six columns")
    with nogil:
        for i in range(rates_dt.shape[0]):
            for gate in range(3):
                exponential_rates(&rates_dt[i, gate], &rates_dt[i, 3 + gate])


@rounded_to_nearest
def fit_exponential(const double[:, :, ::1] values, double[:, :, ::1] polynomials):
    """Fill `polynomials` with those of one gate's rates, times dt phi1, for exponential Euler.

    Parameters
    ----------
    values : array of float64, shape (rows, 6, 2)
        alpha and alpha + beta, times dt, at the nodes of each row.
    polynomials : array of float64, shape (rows, 6, 2)
        Output: coefficients of both.
    """
    cdef Py_ssize_t k
    cdef int j, part
    cdef double[2][6] at_nodes
    cdef double[6] coefficients
    if polynomials.shape[0] != values.shape[0]:
        raise ValueError("polynomials and values must have one length")
    with nogil:
        for k in range(values.shape[0]):
            for j in range(6):
                at_nodes[0][j], at_nodes[1][j] = values[k, j, 0], values[k, j, 1]
                exponential_rates(&at_nodes[0][j], &at_nodes[1][j])
            for part in range(2):
                rate_table_fit_row(at_nodes[part], coefficients)
                for j in range(6):
                    polynomials[k, j, part] = coefficients[j]


@rounded_to_nearest
def logarithm(const double[::1] x, double[::1] out):
    """Fill `out` with ln(x) of positive normal numbers, which err by less than 1 unit in the last
    place and have the same bits on every CPU (noise.h).
    """
    cdef Py_ssize_t i
    if out.shape[0] != x.shape[0]:
        raise ValueError("out and x must have one length")
    with nogil:
        for i in range(x.shape[0]):
            out[i] = noise_log(x[i])
