"""`python -m router`: the same as the `router` command."""

from router.cli import main

if __name__ == "__main__":
    main()
