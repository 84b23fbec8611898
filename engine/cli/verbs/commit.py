"""``longshore commit``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.model.files import CommitConfig

SPEC = Spec(
    usage="[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
    summary="Create a new image from a container's changes",
    flags=(
        Flag(name="author", short="a", kind="string", help='Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")'),
        Flag(name="change", short="c", kind="list", help="Apply Dockerfile instruction to the created image"),
        Flag(name="message", short="m", kind="string", help="Commit message"),
        Flag(name="pause", short="p", help="Pause container during commit", default="true"),
    ),
    least=1,
    most=2,
    completes="container",
    aliases=("container commit", "commit"),
)


def run(context: Context, options: Options) -> int:
    container, *reference = options.args
    wanted = CommitConfig(
        reference="".join(reference),
        author=options.text("author"),
        comment=options.text("message"),
        changes=options.values("change"),
        pause=options.on("pause"),
    )
    print(context.run(context.engine.containers.commit(container, wanted)), file=context.out)
    return 0
