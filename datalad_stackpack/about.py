"""The project's address; apart from the package's version, whose module no pure one may import."""

PROJECT_URL: str | None = None
"""Where the project is at home, once there is such an address; then setup.cfg and CITATION.cff have
it too. Without it, requests, citations and crates name the program and its version only."""
