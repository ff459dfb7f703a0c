"""Reports: what a person looks at, on the terminal and in pictures."""

from sixloops.report.compilation import compile_kernels
from sixloops.report.confusion import plot_confusion
from sixloops.report.curves import plot_history
from sixloops.report.feature_maps import plot_feature_maps
from sixloops.report.kernels import plot_kernels
from sixloops.report.mistakes import Mistakes, find_mistakes, plot_mistakes
from sixloops.report.plan import print_plan
from sixloops.report.progress import Progress
from sixloops.report.run_callbacks import Configuration, Curves, read_configuration
from sixloops.report.run_folder import RunFolder
from sixloops.report.style import save_figure
from sixloops.report.summary import SummaryRow, print_summary, summary, summary_rows

__all__ = [
    "Configuration",
    "Curves",
    "Mistakes",
    "Progress",
    "RunFolder",
    "SummaryRow",
    "compile_kernels",
    "find_mistakes",
    "plot_confusion",
    "plot_feature_maps",
    "plot_history",
    "plot_kernels",
    "plot_mistakes",
    "print_plan",
    "print_summary",
    "read_configuration",
    "save_figure",
    "summary",
    "summary_rows",
]
