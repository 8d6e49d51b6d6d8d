# What computes features, as Python gives it: included by the modules that do.

cdef extern from "trace_features.h" nogil:
    enum: FEATURE_ROWS

    ctypedef struct feature_window:
        int64_t first, past

    ctypedef struct feature_span:
        double start, stop
        int64_t past

    ctypedef struct feature_slot:
        int64_t span, measure, spike

    ctypedef struct feature_settings:
        double dt, threshold, slope
        int64_t lookback, widths

    ctypedef struct feature_plan:
        feature_settings s
        const feature_window *windows
        const feature_span *spans
        const feature_slot *slots
        int64_t window_count, span_count, slot_count

    ctypedef struct feature_rows:
        const double *data
        int64_t mask, stride

    int64_t feature_numbers(const feature_plan *p)
    int64_t feature_history(const feature_settings *s)
    int64_t feature_space(const feature_settings *s)
    double feature_start(const feature_plan *p, int64_t number)
    void feature_take(const feature_plan *p, double *x, const feature_rows *V, int64_t n,
                      int64_t past)


@cython.final
cdef class FeaturePlan:
    """What is computed of V while it is.

    Parameters
    ----------
    settings : structured array, shape (1,)
        Of FEATURE_SETTINGS.
    windows, spans, slots : structured arrays
        Of FEATURE_WINDOW, FEATURE_SPAN and FEATURE_SLOT.
    """

    cdef const feature_window[::1] _windows
    cdef const feature_span[::1] _spans
    cdef const feature_slot[::1] _slots
    cdef feature_plan plan

    def __cinit__(
        self,
        const feature_settings[::1] settings,
        const feature_window[::1] windows,
        const feature_span[::1] spans,
        const feature_slot[::1] slots,
    ):
        cdef feature_plan *p = &self.plan
        cdef Py_ssize_t k
        self._windows, self._spans, self._slots = windows, spans, slots
        p.s = settings[0]
        p.window_count, p.span_count = windows.shape[0], spans.shape[0]
        p.slot_count = slots.shape[0]
        p.windows = &windows[0] if p.window_count > 0 else NULL
        p.spans = &spans[0] if p.span_count > 0 else NULL
        p.slots = &slots[0] if p.slot_count > 0 else NULL
        c_assert(p.s.lookback >= 0)
        for k in range(p.slot_count):
            c_assert(0 <= slots[k].span < p.span_count and 0 <= slots[k].measure < 5)

    @property
    def history(self):
        """How many rows of V are kept from one call to the next."""
        return feature_history(&self.plan.s)

    @property
    def numbers(self):
        """How many numbers there are of each cell."""
        return feature_numbers(&self.plan)

    def start(self):
        """Return the numbers of a cell before its first row, an array of shape (numbers,)."""
        return np.array([feature_start(&self.plan, k) for k in range(self.numbers)])
