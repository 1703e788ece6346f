"""The front door: `./inv --list` is the table of contents; the work is in jetson_kit/."""

if __name__ == "__main__":
    # Until there is a handler, Ctrl-C ends this at once and without a traceback; `signal` itself
    # takes a while to import.
    import _signal  # type: ignore[import-not-found]

    if _signal.getsignal(_signal.SIGINT) != _signal.SIG_IGN:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    # What came before now waits: `inv` saw to that.
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (_signal.SIGINT,))

from invoke.collection import Collection

from jetson_kit.command_line import program
from jetson_kit.tasks import (
    app,
    audit,
    bench,
    bench_fleet,
    build,
    cache,
    data,
    devices,
    docs,
    doctor,
    edge,
    emulate,
    engines,
    engines_build,
    fleet,
    migrate,
    models,
    release,
    report,
    sites,
    targets,
    test,
    verify,
    verify_bundle,
    wheels,
)

ns = Collection()
ns.add_task(build.build)
ns.add_task(emulate.emulate)
ns.add_task(targets.targets)
ns.add_task(doctor.doctor)
ns.add_task(migrate.migrate)
testing = Collection("test")
testing.add_task(app.test, name="app")
testing.add_task(test.test, default=True)
ns.add_collection(testing)
ns.add_collection(Collection("app", app.new))
verifying = Collection("verify", verify_bundle.bundle)
verifying.add_task(verify.verify, default=True)
ns.add_collection(verifying)
ns.add_collection(Collection("wheels", audit.audit, wheels.build, wheels.device, wheels.lock))
ns.add_collection(data.collection())
ns.add_collection(Collection("models", models.fetch, models.list_models))
ns.add_collection(Collection("engines", engines.export, engines.check, engines_build.build))
ns.add_collection(Collection("report", report.html))
ns.add_collection(Collection("docs", docs.build))
ns.add_collection(Collection("cache", cache.show, cache.prune))
ns.add_collection(Collection("release", release.check))
ns.add_collection(devices.collection())
ns.add_collection(fleet.collection())
ns.add_collection(sites.collection())
ns.add_collection(
    Collection(
        "bench",
        bench.application,
        bench.build,
        bench.export,
        bench_fleet.faulty_rollouts,
        bench.import_time,
        bench.inference,
        bench.litert,
        bench.live,
        bench.machines,
        bench_fleet.report_pages,
        bench_fleet.rollouts,
        bench_fleet.simulation,
        bench_fleet.sites,
        bench.solutions,
        bench.nearness,
        bench.translate,
        bench_fleet.virtual_devices,
    )
)
edge.name_tasks(ns)

if __name__ == "__main__":
    program.main(ns)
