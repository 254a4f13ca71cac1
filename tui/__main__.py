"""Where the console script and ``python -m tui`` begin."""

from tui.cli import main

if __name__ == "__main__":
    main()
