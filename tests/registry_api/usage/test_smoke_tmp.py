import json, io
from datetime import datetime, timedelta, UTC

async def test_all(api):
    r = await api.operator.post("/v1/catalogue/batches", json={"plugins":[{"namespace":"jenkins","name":"git","labels":["scm"],"maintainers":[{"handle":"a"}],"releases":[{"version":"1.0.0","dependencies":[{"ref":"jenkins:scm-api"}]}]}]})
    print(r.status_code, r.text); assert r.status_code==201
    r = await api.operator.post("/v1/catalogue/batches", json={"plugins":[{"namespace":"jenkins","name":"scm-api"},{"namespace":"j j"}]})
    print(r.status_code, r.text)
    r = await api.acme.get("/v1/plugins"); print(r.text)
    r = await api.acme.get("/v1/plugins/jenkins:git/dependencies"); print(r.text)
    r = await api.acme.get("/v1/plugins/jenkins:scm-api/dependants"); print(r.text)
    r = await api.acme.get("/v1/plugins/jenkins:git/releases/1.0.0"); print(r.text)
    r = await api.acme.get("/v1/labels"); print(r.text)
    r = await api.acme.post("/v1/targets/batches", json={"targets":[{"name":"t1","environment":"dev","kind":"x"}]}); print(r.text)
    at = (datetime.now(UTC)-timedelta(hours=1)).isoformat()
    r = await api.acme.post("/v1/observations/installations", json={"observations":[{"target":"t1","plugin":"jenkins:git","event":"added","source":"x","occurred_at":at},{"target":"t1","plugin":"jenkins:gitx","event":"added","source":"x","occurred_at":at}]}); print(r.text)
    r = await api.acme.get("/v1/targets/t1/installations"); print(r.text)
    r = await api.acme.get("/v1/plugins/jenkins:git/installations"); print(r.text)
    rows=[{"id":"1","type":"use","at":at,"plugin":"jenkins:git","version":"1.0.0","target":"t1","person":"ada","cost":"0.1"},{"id":"2","type":"use","at":at,"plugin":"jenkins:git","version":"9"},{"id":"2","type":"use","at":at,"plugin":"jenkins:git"},{"id":"3","typ":"use"},{"id":"4","type":"use","at":at,"plugin":"nope:x","person":"bob"}]
    body="\n".join(map(json.dumps,rows))
    for _ in range(2):
        r = await api.acme.post("/v1/usage/batches", content=body, headers={"Content-Type":"application/x-ndjson","Idempotency-Key":"a/b"}); print(r.status_code, r.text)
    r = await api.acme.get("/v1/intake/batches/a/b/rejects"); print(r.status_code, r.text)
    r = await api.acme.get("/v1/intake/batches/a/b"); print(r.status_code, r.text)
    r = await api.acme.get("/v1/usage/counters"); print(r.status_code, r.text)
    r = await api.acme.delete("/v1/subjects?person=ada"); print(r.status_code, r.text)
    print(await api.drain_jobs())
    r = await api.service.get("/v1/feeds/segments", headers={"Accept":"application/x-ndjson"}); print(r.status_code, r.text)
