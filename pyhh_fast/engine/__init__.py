"""How a run is made: steppers, the run loop, sampling of traces, the stimulus read ahead."""
