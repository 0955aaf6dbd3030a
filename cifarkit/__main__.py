from cifarkit.cli.app import main

main()
