import pytest

pytest.importorskip("gradio", reason="the page needs the extra app")
