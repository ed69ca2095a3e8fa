"""One FastAPI route."""

from fastapi import FastAPI

from benchmarks.contenders.serving import serve

app = FastAPI()


@app.get("/bare")
async def bare() -> dict[str, str]:
    """Answer anybody."""
    return {"user": "anybody"}


if __name__ == "__main__":
    serve(app)
