"""Other programs' settings into jobs, with an account of every key: nothing is lost without a word."""
