"""Values and pure rules of the domain. Standard library only: imports nothing else of ours."""
