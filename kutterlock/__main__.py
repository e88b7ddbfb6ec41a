"""`python -m kutterlock`."""

from kutterlock.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
