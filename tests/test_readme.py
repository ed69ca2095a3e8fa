"""The README keeps its word: its example runs as it stands there, and its links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.examples.demo import free_port

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
]


def python_blocks(text: str) -> list[str]:
    """The Python examples of a document."""
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_the_example_of_the_readme_runs_as_it_stands(tmp_path: Path) -> None:
    """Copied into a file and served, it signs a person up and answers both kinds of data."""
    (example,) = python_blocks((ROOT / "README.md").read_text())
    (tmp_path / "main.py").write_text(example)
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "main:app", "--port", str(port)]
    environment = {"WATCHWORD_SECRET": "a secret for tests of at least 32 bytes", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert any("Application startup complete" in line for line in process.stderr)
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as visitor:
                form = [{"id": "email", "value": "ada@example.com"}, {"id": "password", "value": "correct horse 1"}]
                signed_up = visitor.post("/auth/signup", json={"formFields": form}, headers={"st-auth-mode": "cookie"})
                assert "OK" == signed_up.json()["status"]
                me = visitor.get("/me").json()
                assert {"role": "member", "joined_by": "emailpassword"} == me["payload"]
                assert {"first_seen": True} == me["data"]
                visitor.cookies.clear()
                assert 401 == visitor.get("/me").status_code
        finally:
            process.terminate()
            process.communicate()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_the_documents_lead_somewhere(document: Path) -> None:
    """Every relative link of a document names a file that is there."""
    targets = re.findall(r"""(?:\]\(|src=")([^)#:"]+)[)#"]""", document.read_text())
    assert [] == [target for target in targets if not (document.parent / target).exists()]
