"""What the kernel shows of sockets and processes. Knows ``model`` only; judges and keeps nothing."""
