"""Options with several values are rewritten so that Click can read them."""

import pytest

from router.cli.arguments import MissingValueError, Spelling, rewrite, unpack

SPELLING = Spelling(
    spread=frozenset({"--types", "--labels"}), packed=frozenset({"--filter"}), optional=frozenset({"--flag"})
)


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ([], []),
        (["--name", "x"], ["--name", "x"]),
        (["--types", "a"], ["--types=a"]),
        (["--types", "a", "b", "c"], ["--types=a", "--types=b", "--types=c"]),
        (["--types=a"], ["--types=a"]),
        (["--types=a", "b"], ["--types=a", "--types=b"]),
        (["--types", "a", "--name", "x"], ["--types=a", "--name", "x"]),
        (["--types", "a", "-n", "x"], ["--types=a", "-n", "x"]),
        (["--types", "a", "--types", "b"], ["--types=a", "--types=b"]),
        (["--labels", "-5", "-x", "b"], ["--labels=-5", "--labels=-x", "--labels=b"]),
        (["--labels", ""], ["--labels="]),
        (["--labels", "a=b"], ["--labels=a=b"]),
        (["--labels", "ä ö"], ["--labels=ä ö"]),
        (["--filter", "k", "StringIn", "a", "b"], ['--filter=["k", "StringIn", "a", "b"]']),
        (["--filter", "k", "NumberIn", "-5", "-1.5"], ['--filter=["k", "NumberIn", "-5", "-1.5"]']),
        (["--filter=k", "IsNotNull"], ['--filter=["k", "IsNotNull"]']),
        (
            ["--filter", "k", "IsNotNull", "--filter", "j", "BoolEquals", "true"],
            ['--filter=["k", "IsNotNull"]', '--filter=["j", "BoolEquals", "true"]'],
        ),
        (["--flag"], ["--flag=true"]),
        (["--flag", "false"], ["--flag=false"]),
        (["--flag=false", "rest"], ["--flag=false", "rest"]),
        (["--flag", "true", "rest"], ["--flag=true", "rest"]),
        (["--flag", "--name", "x"], ["--flag=true", "--name", "x"]),
        (["--flag", "-n", "x"], ["--flag=true", "-n", "x"]),
        (["--types", "a", "--", "--types", "b"], ["--types=a", "--", "--types", "b"]),
        (["--name", "x", "--types", "a", "--unknown"], ["--name", "x", "--types=a", "--unknown"]),
    ],
)
def test_values_end_at_the_next_option(given, written):
    assert rewrite(given, SPELLING) == written


@pytest.mark.parametrize(
    "given", [["--types"], ["--types", "--name", "x"], ["--filter", "-n", "x"], ["--labels", "--"]]
)
def test_an_option_without_its_values_is_refused(given):
    with pytest.raises(MissingValueError, match=given[0]):
        rewrite(given, SPELLING)


def test_the_given_arguments_are_not_changed():
    given = ["--types", "a", "b"]
    rewrite(given, SPELLING)
    assert given == ["--types", "a", "b"]


def test_packed_words_come_out_as_they_were_typed():
    words = ["data.x", "StringIn", 'a "quoted" word', "ä", "--", "", "a,b"]
    (packed,) = rewrite(["--filter=" + words[0], *words[1:4], "--name"], SPELLING)[:1]
    assert unpack([packed.removeprefix("--filter=")]) == [words[:4]]
