"""Reads {type, body} a line, and answers with the form as Werkzeug has read it."""
import base64, io, json, sys
from werkzeug.formparser import parse_form_data

for line in sys.stdin:
    asked = json.loads(line)
    body = base64.b64decode(asked["body"])
    environ = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": asked["type"], "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
    answer = {"names": [], "values": [], "files": []}
    try:
        _, form, files = parse_form_data(environ, silent=False)
        answer["names"] = [base64.b64encode((n or "").encode("utf-8", "surrogateescape")).decode() for n, _ in form.items(multi=True)]
        answer["values"] = [base64.b64encode(v.encode("utf-8", "surrogateescape")).decode() for _, v in form.items(multi=True)]
        answer["files"] = [base64.b64encode((f.filename or "").encode("utf-8", "surrogateescape")).decode() for _, f in files.items(multi=True) if f.filename]
    except Exception as error:
        answer["error"] = type(error).__name__
    print(json.dumps(answer), flush=True)
