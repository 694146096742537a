"""Where a batch is proven: on this machine (:mod:`relayer.executor.local`) or on several (:mod:`relayer.executor.ray`)."""
