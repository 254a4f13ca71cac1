"""What leaves for files, pipes and tickets. Reads the history, captures nothing, paints no screen."""
