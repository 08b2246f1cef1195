"""What a job's settings come to: rates, scheduler, steps, clipping, precision and the optimizer as it will be built."""
