"""`python -m worker.cli`: the `variance` command."""

from worker.cli.program import main

if __name__ == "__main__":
    main()
