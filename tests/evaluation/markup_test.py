from epik_jax.evaluation.markup import Markup, joined, tag


def test_text_and_attributes_are_escaped():
    found = tag("td", "<b>&", title='"><i>')
    assert found == '<td title="&quot;&gt;&lt;i&gt;">&lt;b&gt;&amp;</td>'


def test_elements_inside_elements_are_not_escaped_again():
    assert tag("p", tag("b", "a & b")) == "<p><b>a &amp; b</b></p>"
    assert joined(["<", Markup("<br/>")]) == "&lt;<br/>"


def test_attribute_names_follow_html():
    found = tag("rect", class_="x", stroke_width=2, lang=None)
    assert found == '<rect class="x" stroke-width="2"/>'
