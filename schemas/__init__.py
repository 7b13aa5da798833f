"""What travels to and from the CI server. No I/O; imports nothing of ours."""
