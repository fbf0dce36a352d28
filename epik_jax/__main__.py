"""`python -m epik_jax` is `epik-jax`, for where scripts are not on the PATH."""

from epik_jax.cli import main

if __name__ == "__main__":
    main()
