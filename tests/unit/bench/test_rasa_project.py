"""A peer's project has the same articles, and its training is kept by what went into it."""

import yaml

from bench.rasa_project import RASA_INIT, RASA_LR, digest_of, write_project
from kb_index.article import Article

ARTICLES = (
    Article(
        "return-window", "How long do I have?", "**30 days.**", ("until when", "a [link](x)\nand a line")
    ),
    Article("gift.card", "Gift cards", "Any amount."),
)


def initial(folder):
    (folder / "data").mkdir(parents=True)
    for name in ("nlu", "rules", "stories"):
        (folder / "data" / f"{name}.yml").write_text(f"version: '3.1'\n# {name}\n", encoding="utf-8")
    domain = {"version": "3.1", "intents": ["greet"], "responses": {"utter_greet": [{"text": "Hey!"}]}}
    (folder / "domain.yml").write_text(yaml.safe_dump(domain), encoding="utf-8")
    return folder


def written(tmp_path, peer):
    project = tmp_path / peer.name
    write_project(peer, ARTICLES, project, initial(tmp_path / f"initial-{peer.name}"))
    return project


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_an_article_is_an_intent_a_response_and_a_rule(tmp_path):
    project = written(tmp_path, RASA_LR)
    domain = read(project / "domain.yml")
    assert domain["intents"] == ["greet", "return_window", "gift_card"]
    assert domain["responses"]["utter_return_window"] == [{"text": "**30 days.**"}]
    assert domain["responses"]["utter_greet"] == [{"text": "Hey!"}]
    rules = read(project / "data" / "article_rules.yml")["rules"]
    assert [rule["steps"] for rule in rules] == [
        [{"intent": name}, {"action": f"utter_{name}"}] for name in ("return_window", "gift_card")
    ]


def test_its_title_and_variants_are_examples_without_markup(tmp_path):
    examples = read(written(tmp_path, RASA_LR) / "data" / "articles.yml")["nlu"]
    assert examples[0]["examples"] == "- How long do I have?\n- until when\n- a [link] (x) and a line\n"
    assert examples[1]["examples"] == "- Gift cards\n"


def test_stories_go_where_a_policy_learns_from_them(tmp_path):
    assert (written(tmp_path, RASA_INIT) / "data" / "stories.yml").exists()
    assert not (written(tmp_path, RASA_LR) / "data" / "stories.yml").exists()


def test_the_configured_pipelines_are_what_they_are_called(tmp_path):
    init, lr = (read(written(tmp_path, peer) / "config.yml") for peer in (RASA_INIT, RASA_LR))
    assert {"DIETClassifier", "ResponseSelector"} <= {part["name"] for part in init["pipeline"]}
    assert {"TEDPolicy", "RulePolicy"} <= {part["name"] for part in init["policies"]}
    assert [part["name"] for part in lr["policies"]] == ["RulePolicy"]
    assert lr["pipeline"][-1]["name"] == "LogisticRegressionClassifier"


def test_conversations_are_kept_in_sqlite(tmp_path):
    assert read(written(tmp_path, RASA_LR) / "endpoints.yml")["tracker_store"]["dialect"] == "sqlite"


def test_a_digest_is_that_of_the_contents(tmp_path):
    for name in ("one", "two"):
        folder = tmp_path / name / "same"
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text("a")
    first, second = (tmp_path / name / "same" for name in ("one", "two"))
    assert digest_of(first) == digest_of(second)
    (second / "a.txt").write_text("b")
    changed = digest_of(second)
    assert changed != digest_of(first)
    (second / "a.txt").rename(second / "b.txt")
    assert digest_of(second) not in {changed, digest_of(first)}


def test_compiled_files_do_not_change_a_digest(tmp_path):
    (tmp_path / "a.py").write_text("a")
    before = digest_of(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_bytes(b"x")
    assert digest_of(tmp_path) == before
