"""What the program says of itself to archives and in citations, beside its name and version."""

PROJECT_URL: str | None = None
"""Where the project is at home, once there is such an address; then setup.cfg and CITATION.cff have
it too. Without it, requests, citations and crates name the program and its version only."""
