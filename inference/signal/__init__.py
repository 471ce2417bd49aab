"""Signal processing of the electrocardiogram: pure functions over arrays [leads, n] in µV."""
