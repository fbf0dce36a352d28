"""What a run leaves for others: model folders and its report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from epik_jax.evaluation.report import write_report
from epik_jax.files import write_whole
from epik_jax.interop.export import export_model
from epik_jax.interop.model_folder import AnyModel
from epik_jax.parallel import processes
from epik_jax.recipes.card import model_card


def publish_model(model: AnyModel, folder: Path) -> None:
    """Writes a model folder with its card; errors are those of `export_model`."""

    def write() -> None:
        export_model(model, folder, bfloat16=False, card=model_card(model))

    processes.by_first(f"model {folder.name} is written", write)


def publish_report(report: dict[str, Any], page: str, folder: Path) -> None:
    """Writes a report as JSON and as a page into a run's folder."""

    def write() -> None:
        write_report(folder / "report.json", report)
        write_whole(folder / "report.html", page)

    processes.by_first("report is written", write)
