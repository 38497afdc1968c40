"""Looking at a stack: its images as arrays in micrometres, and its skeleton."""
