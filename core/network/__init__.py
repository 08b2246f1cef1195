"""What a job's network consists of: its tensors' names and shapes, from the checkpoint's header alone."""
