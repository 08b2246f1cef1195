"""What a job's images come to, for whichever engine trains: counts, buckets, captions, steps."""
