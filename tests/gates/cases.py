"""Runs named checks as test cases and leaves a test.xml, so that each counts as a test of its own."""

import os
import sys
import xml.etree.ElementTree as xml


def run(suite, checks):
    """checks: name -> function that returns a list of complaints. Returns the exit status."""
    root = xml.Element("testsuites")
    element = xml.SubElement(root, "testsuite", name=suite, tests=str(len(checks)))
    failed = 0
    for name, check in checks.items():
        case = xml.SubElement(element, "testcase", classname=suite, name=name)
        complaints = check()
        if complaints:
            failed += 1
            xml.SubElement(case, "failure", message="\n".join(complaints))
            print(f"{name}:")
            for complaint in complaints:
                print(f"  {complaint}")
    element.set("failures", str(failed))
    if "XML_OUTPUT_FILE" in os.environ:
        xml.ElementTree(root).write(os.environ["XML_OUTPUT_FILE"], encoding="utf-8", xml_declaration=True)
    print(f"{len(checks) - failed} of {len(checks)} checks hold", file=sys.stderr)
    return 1 if failed else 0
