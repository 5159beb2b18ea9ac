"""HTML pages read as strictly as browsers do not."""

from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "img", "link", "input", "br", "hr"}


class Page(HTMLParser):
    """A page in which every tag is closed in order and no id is there twice.

    `elements` are (tag, attributes), `text` is what is shown, `headings` what stands in h2, `scripts` in script.
    """

    def __init__(self, source: str):
        super().__init__()
        self.open, self.elements, self.text, self.headings, self.scripts = [], [], "", [], []
        self.feed(source)
        self.close()
        assert not self.open
        names = [attributes["id"] for _, attributes in self.elements if "id" in attributes]
        assert len(names) == len(set(names))

    @classmethod
    def of(cls, path: Path) -> "Page":
        return cls(path.read_bytes().decode("utf-8"))  # line ends as they are

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "script" in self.open:
            self.scripts.append(data)
        elif "style" not in self.open:
            self.text += data
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)

    def all(self, tag, kind=None):
        """The attributes of each such tag, of those of a class where `kind` names one."""
        return [found for name, found in self.elements if name == tag and kind in (None, found.get("class"))]
