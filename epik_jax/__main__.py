"""The process of `epik-jax`, also as `python -m epik_jax`.

It readies the process for Ctrl-C before anything else is imported.
"""

from __future__ import annotations


def main() -> None:
    """Runs the command that the process was started with; see `cli.main`."""
    from epik_jax import interruption

    interruption.leave_at_once()
    from epik_jax import cli

    cli.main()


if __name__ == "__main__":
    main()
