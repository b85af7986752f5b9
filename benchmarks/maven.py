"""Java programs of the benchmarks: projects beside this file, built by Maven when first needed."""

import os
import shutil
import subprocess
from pathlib import Path


def why_not(project: Path) -> str | None:
    """Build a project unless that is done; return why it cannot be run on this machine, or None."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            return f"no {program} on this machine"
    if not _is_built(project):
        command = ["mvn", "-q", "-B", "compile", "dependency:build-classpath", "-Dmdep.outputFile=target/classpath.txt"]
        built = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
        if built.returncode != 0:
            return f"Maven could not build it: {(built.stdout + built.stderr).strip().splitlines()[-1:]}"
        _dependencies(project).touch()  # Maven leaves it as it is where it says the same
    return None


def class_path(project: Path) -> str:
    """Return the class path of a project that is built."""
    return os.pathsep.join([str(project / "target" / "classes"), _dependencies(project).read_text().strip()])


def _is_built(project: Path) -> bool:
    built = _dependencies(project)
    sources = [project / "pom.xml", *(project / "src").rglob("*.java")]
    return built.exists() and all(source.stat().st_mtime <= built.stat().st_mtime for source in sources)


def _dependencies(project: Path) -> Path:
    return project / "target" / "classpath.txt"
